// A network: the app goes out through one subnet, jobs run in another, endpoints stand in a third. One NAT gateway leads out.
param name string
param location string
param tags object
@allowed(['Flex', 'Premium'])
param plan string

var appDelegation = plan == 'Flex' ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'

resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

// Container groups in a subnet have no other way out.
resource nat 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { idleTimeoutInMinutes: 10, publicIpAddresses: [{ id: address.id }] }
}

// Jobs take no connections from the internet; rules of the platform let the network itself in.
resource guard 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-internet-in'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.60.0.0/16'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.60.0.0/24'
          natGateway: { id: nat.id }
          networkSecurityGroup: { id: guard.id }
          delegations: [{ name: 'app', properties: { serviceName: appDelegation } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.60.1.0/24'
          networkSecurityGroup: { id: guard.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
      {
        name: 'jobs'
        properties: {
          addressPrefix: '10.60.16.0/20'
          natGateway: { id: nat.id }
          networkSecurityGroup: { id: guard.id }
          delegations: [
            { name: 'jobs', properties: { serviceName: 'Microsoft.ContainerInstance/containerGroups' } }
          ]
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'app'
  }
  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
  resource jobSubnet 'subnets' existing = {
    name: 'jobs'
  }
}

output id string = network.id
output appSubnetId string = network::appSubnet.id
output endpointSubnetId string = network::endpointSubnet.id
output jobSubnetId string = network::jobSubnet.id
output jobSubnetName string = 'jobs'
