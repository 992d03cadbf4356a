// All that an operator may choose besides: settings, quotas, and identities and subnets made elsewhere.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param jobLocation = 'northeurope'
param quotaReads = true
param jobIdentityIds = [
  '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/teams/providers/Microsoft.ManagedIdentity/userAssignedIdentities/jobs-red'
]
param jobSubnetIds = [
  '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/networks/providers/Microsoft.Network/virtualNetworks/hub/subnets/batch'
]
param settings = {
  AllowedImages: 'sample.azurecr.io/*'
  AllowedKeyVaults: 'team.vault.azure.net'
  MaxJobCostUsd: '5'
  RetentionDays: '7'
}
