// A vault for the secrets of jobs, in a network.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param jobVault = true
param network = true
