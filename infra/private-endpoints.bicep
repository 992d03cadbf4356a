// Private endpoints for storage and vaults, with the zones that lead their names to them.
param location string
param tags object
param networkId string
param subnetId string
param storageId string
param vaultIds string[]

var vaultZone = replace(environment().suffixes.keyvaultDns, '.vault.', 'privatelink.vaultcore.')
var storageParts = ['blob', 'queue', 'table']
var zoneNames = concat(map(storageParts, part => 'privatelink.${part}.${environment().suffixes.storage}'), [vaultZone])

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for zone in zoneNames: { name: zone, location: 'global', tags: tags }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (zone, i) in zoneNames: {
    parent: zones[i]
    name: 'to-network'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: networkId } }
  }
]

resource ofStorage 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for part in storageParts: {
    name: 'pep-${last(split(storageId, '/'))}-${part}'
    location: location
    tags: tags
    properties: {
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        { name: part, properties: { privateLinkServiceId: storageId, groupIds: [part] } }
      ]
    }
  }
]

resource storageRecords 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (part, i) in storageParts: {
    parent: ofStorage[i]
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: part, properties: { privateDnsZoneId: zones[i].id } }] }
  }
]

resource ofVaults 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for (vaultId, i) in vaultIds: {
    name: 'pep-${last(split(vaultId, '/'))}'
    location: location
    tags: tags
    properties: {
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        { name: 'vault', properties: { privateLinkServiceId: vaultIds[i], groupIds: ['vault'] } }
      ]
    }
  }
]

resource vaultRecords 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (vaultId, i) in vaultIds: {
    parent: ofVaults[i]
    name: 'default'
    properties: { privateDnsZoneConfigs: [{ name: 'vault', properties: { privateDnsZoneId: zones[3].id } }] }
  }
]
