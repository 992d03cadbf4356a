// The same on Elastic Premium.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param plan = 'Premium'
param network = true
