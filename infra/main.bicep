// All of acijobs in one subscription: `azd up` deploys this (docs/guides/deploy.md).
targetScope = 'subscription'

import { JobSettings } from 'settings.bicep'
import { AlertThresholds } from 'alerts.bicep'
import { base64OfHex } from 'fernet.bicep'

@description('Distinguishes this deployment from others; part of every name.')
@minLength(1)
@maxLength(20)
param environmentName string

@description('Region of the app and of all that belongs to it.')
param location string

@description('Region of the jobs that name none.')
param jobLocation string = location

@description('Regions in which such jobs are tried next, in this order, where that one is full.')
@maxLength(9)
param otherJobLocations string[] = []

@description('Resource groups of jobs beside the one that is made here, in this subscription or others: <subscription id>/<resource group>. They must be there. Jobs are spread over all of them.')
@maxLength(19)
param jobScopes string[] = []

@description('Flex: Flex Consumption. Premium: Elastic Premium EP1, where Flex is not to be had (docs/adr/0017).')
@allowed(['Flex', 'Premium'])
param plan string = 'Flex'

@description('Instances kept warm for Durable on Flex. 0 costs nothing when idle and makes the first job wait for a start.')
@minValue(0)
@maxValue(20)
param alwaysReady int = 1

@description('Most instances of the app. Flex takes 40 at least, and Premium 20 at most.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 100

@description('Memory of an instance on Flex, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int = 2048

@description('Whether storage and vaults are reached by private endpoints only, and jobs may run in a subnet behind a NAT gateway.')
param network bool = false

@description('Whether to make a container registry, with an identity that jobs pull with.')
param registry bool = false

@description('Whether to make a key vault for the secrets of jobs. The app\'s own vault is never open to jobs.')
param jobVault bool = false

@description('Whether Durable keeps its state in Durable Task Scheduler, in place of Azure Storage.')
param scheduler bool = false

@description('Host of a SQL server, made elsewhere, whose database keeps the engine\'s state in place of Azure Storage; empty for none. On Premium only.')
param mssqlServer string = ''

@description('The database there; it must be there, with the app\'s identity as a user.')
param mssqlDatabase string = 'acijobs'

@description('Whether dry runs may read quotas and sizes, which needs two reads on the whole subscription.')
param quotaReads bool = false

@description('Ids of user-assigned identities, made elsewhere, that jobs may run as or pull with.')
param jobIdentityIds string[] = []

@description('Ids of subnets, made elsewhere, that jobs may run in.')
param jobSubnetIds string[] = []

@description('The queue whose messages start jobs; empty for none.')
@maxLength(55)
param queueName string = 'acijobs-jobs'

@description('Settings of the app, by the names of docs/reference/settings.md.')
param settings JobSettings = {}

@description('Object id of the user or service that deploys packages on Premium; empty for nobody.')
param deployerPrincipalId string = ''

@description('How long logs and traces are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Whether to make the rules that fire alerts (docs/runbooks).')
param alerts bool = true

@description('Who is told of alerts by e-mail. With nobody, they are seen in the portal only.')
param alertEmails string[] = []

@description('A URL that alerts are posted to, in the common alert schema; empty for none.')
@secure()
param alertWebhook string = ''

@description('When alerts are fired, where the defaults of docs/runbooks/README.md do not fit.')
param alertThresholds AlertThresholds = {}

@description('Where the runbooks are published; alerts link to them.')
param runbooksUrl string = 'docs/runbooks'

@description('Randomness of the seal key. Leave it alone.')
@secure()
param sealSeed string = '${newGuid()}${newGuid()}'

@description('The first seal key, a Fernet key. Used once: a key that is in the vault is left as it is.')
@secure()
#disable-next-line secure-parameter-default // made of newGuid() at each deployment, and written nowhere
param sealKey string = base64OfHex(replace(sealSeed, '-', ''))

var token = uniqueString(subscription().id, environmentName, location)
// Without letter case, each once.
var subscriptionsOfJobs = union(map(jobScopes, one => toLower(split(one, '/')[0])), [])
var tags = { 'azd-env-name': environmentName }
var names = {
  app: 'func-${environmentName}-${token}'
  plan: 'plan-${environmentName}-${token}'
  identity: 'id-${environmentName}-${token}'
  pullIdentity: 'id-${environmentName}-pull-${token}'
  storage: 'st${token}'
  vault: 'kv-${token}'
  jobVault: 'kv-jobs-${token}'
  workspace: 'log-${environmentName}-${token}'
  insights: 'appi-${environmentName}-${token}'
  network: 'vnet-${environmentName}-${token}'
  registry: 'cr${token}'
  scheduler: 'dts-${environmentName}-${token}'
}

resource home 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

resource jobs 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}-jobs'
  location: jobLocation
  tags: tags
}

module identity 'identity.bicep' = {
  scope: home
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'monitoring.bicep' = {
  scope: home
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: tags
    retentionDays: logRetentionDays
    publisherPrincipalId: identity.outputs.principalId
  }
}

// Without metrics in Application Insights one rule would fire for ever, and the others never.
var isObserved = contains(toLower(settings.?Telemetry ?? 'applicationinsights'), 'applicationinsights')

module alerting 'alerts.bicep' = if (alerts && isObserved) {
  scope: home
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    workspaceName: monitoring.outputs.workspaceName
    runbooksUrl: runbooksUrl
    emails: alertEmails
    webhookUrl: alertWebhook
    thresholds: alertThresholds
  }
}

module workbook 'workbook.bicep' = {
  scope: home
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    workspaceName: monitoring.outputs.workspaceName
  }
}

module net 'network.bicep' = if (network) {
  scope: home
  params: { name: names.network, location: location, tags: tags, plan: plan }
}

module storage 'storage.bicep' = {
  scope: home
  params: {
    name: names.storage
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
    deployerPrincipalId: deployerPrincipalId
    queueName: queueName
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: network
  }
}

module vault 'vault.bicep' = {
  scope: home
  params: {
    name: names.vault
    location: location
    tags: tags
    readerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: network
  }
}

module sealKeys 'seal-keys.bicep' = {
  scope: home
  params: { vaultName: vault.outputs.name, sealKey: sealKey }
}

module vaultOfJobs 'vault.bicep' = if (jobVault) {
  scope: home
  params: {
    name: names.jobVault
    location: location
    tags: tags
    readerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: network
  }
}

module endpoints 'private-endpoints.bicep' = if (network) {
  scope: home
  params: {
    location: location
    tags: tags
    networkId: net!.outputs.id
    subnetId: net!.outputs.endpointSubnetId
    storageId: storage.outputs.id
    vaultIds: jobVault ? [vault.outputs.id, vaultOfJobs!.outputs.id] : [vault.outputs.id]
  }
}

module images 'registry.bicep' = if (registry) {
  scope: home
  params: {
    name: names.registry
    pullIdentityName: names.pullIdentity
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module tasks 'scheduler.bicep' = if (scheduler) {
  scope: home
  params: {
    name: names.scheduler
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
  }
}

module rights 'jobs.bicep' = {
  scope: jobs
  params: { appPrincipalId: identity.outputs.principalId }
}

module rightsElsewhere 'jobs.bicep' = [
  for one in jobScopes: {
    scope: resourceGroup(split(one, '/')[0], split(one, '/')[1])
    params: { appPrincipalId: identity.outputs.principalId }
  }
]

module quotas 'quotas.bicep' = if (quotaReads) {
  params: { appPrincipalId: identity.outputs.principalId }
}

module quotasElsewhere 'quotas.bicep' = [
  for id in filter(subscriptionsOfJobs, id => id != toLower(subscription().subscriptionId)): if (quotaReads) {
    scope: subscription(id)
    params: { appPrincipalId: identity.outputs.principalId }
  }
]

module assignPull 'assign-identity.bicep' = if (registry) {
  scope: home
  params: { identityName: names.pullIdentity, appPrincipalId: identity.outputs.principalId }
  dependsOn: [images]
}

module assignOthers 'assign-identity.bicep' = [
  for id in jobIdentityIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: { identityName: last(split(id, '/')), appPrincipalId: identity.outputs.principalId }
  }
]

module joinOwn 'join-subnet.bicep' = if (network) {
  scope: home
  params: {
    networkName: names.network
    subnetName: net!.outputs.jobSubnetName
    appPrincipalId: identity.outputs.principalId
  }
}

module joinOthers 'join-subnet.bicep' = [
  for id in jobSubnetIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      networkName: split(id, '/')[8]
      subnetName: last(split(id, '/'))
      appPrincipalId: identity.outputs.principalId
    }
  }
]

module app 'app.bicep' = {
  scope: home
  params: {
    name: names.app
    planName: names.plan
    location: location
    tags: tags
    plan: plan
    alwaysReady: alwaysReady
    maximumInstances: maximumInstances
    instanceMemoryMb: instanceMemoryMb
    identityId: identity.outputs.id
    clientId: identity.outputs.clientId
    insightsConnection: monitoring.outputs.insightsConnection
    workspaceId: monitoring.outputs.workspaceId
    storageEndpoints: storage.outputs.endpoints
    packageContainerUrl: storage.outputs.packageContainerUrl
    sealKeysUri: sealKeys.outputs.uri
    jobVaultHost: jobVault ? vaultOfJobs!.outputs.host : 'none'
    jobsResourceGroupName: jobs.name
    jobLocations: concat([jobLocation], otherJobLocations)
    jobScopes: empty(jobScopes) ? [] : concat(['${subscription().subscriptionId}/${jobs.name}'], jobScopes)
    queueName: queueName
    mssql: !empty(mssqlServer) && (plan == 'Flex' || scheduler)
      ? fail('mssqlServer needs the plan Premium, and no scheduler: Flex Consumption does not run that backend')
      : !empty(mssqlServer)
    mssqlConnection: empty(mssqlServer)
      ? ''
      : 'Server=tcp:${mssqlServer};Database=${mssqlDatabase};Authentication=Active Directory Managed Identity;User Id=${identity.outputs.clientId};Encrypt=True'
    scheduler: scheduler
    schedulerConnection: scheduler
      ? '${tasks!.outputs.connection};Authentication=ManagedIdentity;ClientID=${identity.outputs.clientId}'
      : ''
    taskHubName: scheduler ? tasks!.outputs.taskHubName : ''
    subnetId: network ? net!.outputs.appSubnetId : ''
    settings: settings
  }
  dependsOn: [endpoints]
}

output APP_NAME string = app.outputs.name
output APP_URL string = app.outputs.url
output AZURE_RESOURCE_GROUP string = home.name
output JOBS_RESOURCE_GROUP string = jobs.name
output STORAGE_ACCOUNT string = storage.outputs.name
output KEY_VAULT string = vault.outputs.name
output JOB_KEY_VAULT string = jobVault ? vaultOfJobs!.outputs.name : ''
output JOB_SUBNET_ID string = network ? net!.outputs.jobSubnetId : ''
output REGISTRY string = registry ? images!.outputs.server : ''
output PULL_IDENTITY_ID string = registry ? images!.outputs.pullIdentityId : ''
