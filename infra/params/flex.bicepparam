// What is deployed when nothing is chosen.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
