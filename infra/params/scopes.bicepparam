// Jobs in three resource groups of two subscriptions, and in two regions.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param otherJobLocations = ['northeurope']
param quotaReads = true
param jobScopes = [
  '00000000-0000-0000-0000-000000000000/batch-more'
  '11111111-1111-1111-1111-111111111111/batch-a'
]
