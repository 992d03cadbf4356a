// What a dry run reads of Azure. Quotas belong to the subscription, so no narrower scope has them.
targetScope = 'subscription'

param appPrincipalId string

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, appPrincipalId, 'acijobs quotas')
  properties: {
    roleName: 'acijobs quotas (${uniqueString(subscription().id, appPrincipalId)})'
    description: 'Reads quotas and sizes of container groups in each region.'
    type: 'CustomRole'
    assignableScopes: [subscription().id]
    permissions: [
      {
        actions: [
          'Microsoft.ContainerInstance/locations/usages/read'
          'Microsoft.ContainerInstance/locations/capabilities/read'
        ]
      }
    ]
  }
}

resource granted 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, appPrincipalId, role.id)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.id
  }
}
