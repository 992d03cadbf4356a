// Lets the app put container groups into this subnet, and nothing else.
param networkName string
param subnetName string
param appPrincipalId string

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: networkName

  resource subnet 'subnets' existing = {
    name: subnetName
  }
}

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, networkName, subnetName, appPrincipalId, 'acijobs subnet')
  properties: {
    roleName: 'acijobs subnet (${uniqueString(resourceGroup().id, networkName, subnetName, appPrincipalId)})'
    description: 'Puts container groups into a subnet.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [{ actions: ['Microsoft.Network/virtualNetworks/subnets/join/action'] }]
  }
}

resource granted 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network::subnet
  name: guid(network::subnet.id, appPrincipalId, role.id)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.id
  }
}
