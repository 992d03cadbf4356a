// Elastic Premium, with somebody who uploads packages.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param plan = 'Premium'
param deployerPrincipalId = '11111111-1111-1111-1111-111111111111'
