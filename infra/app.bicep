// The function app and its plan.
import { JobSettings } from 'settings.bicep'

param name string
param planName string
param location string
param tags object
@allowed(['Flex', 'Premium'])
param plan string
param alwaysReady int
param maximumInstances int
param instanceMemoryMb int
param identityId string
param clientId string
param insightsConnection string
param workspaceId string
param storageEndpoints object
param packageContainerUrl string
param sealKeysUri string
param jobVaultHost string
param jobsResourceGroupName string
@description('Regions of jobs that name none, in the order in which they are tried.')
param jobLocations string[]
@description('All resource groups of jobs, where there are several; empty for the one.')
param jobScopes string[]
param queueName string
@description('Whether Durable keeps its state in a SQL database.')
param mssql bool
@description('Of that database; without a password.')
param mssqlConnection string
@description('Whether Durable keeps its state in Durable Task Scheduler.')
param scheduler bool
param schedulerConnection string
param taskHubName string
@description('The subnet through which the app goes out; empty for none.')
param subnetId string
param settings JobSettings

var isFlex = plan == 'Flex'
// Azure's default for Python is 1, whatever the memory: each request that waits for more of a log would take up an instance.
// Source: learn.microsoft.com/azure/azure-functions/functions-concurrency. The HTTP functions are async: a request that waits holds no thread.
var requestsAtOnce = { '512': 8, '2048': 32, '4096': 64 }

var identitySettings = {
  AZURE_CLIENT_ID: clientId
  AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
  AZURE_AUTHORITY_HOST: environment().authentication.loginEndpoint
}
var storageSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  AzureWebJobsStorage__blobServiceUri: storageEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: storageEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: storageEndpoints.table
}
var monitoringSettings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
  Telemetry: 'applicationinsights'
}
var appSettings = {
  AZURE_SUBSCRIPTION_ID: subscription().subscriptionId
  ResourceGroupName: jobsResourceGroupName
  Location: join(jobLocations, ',')
  ArmEndpoint: environment().resourceManager
  SealKeys: '@Microsoft.KeyVault(SecretUri=${sealKeysUri})'
  AllowedKeyVaults: jobVaultHost
  PYTHON_THREADPOOL_THREAD_COUNT: '16'
}
var scopeSettings = empty(jobScopes) ? {} : { JobScopes: join(jobScopes, ',') }
// Without a name the host would report the function as in error at each start of an instance.
var queueSettings = empty(queueName)
  ? { JobQueueName: 'acijobs-jobs', 'AzureWebJobs.QueueStart.Disabled': 'true' }
  : { JobQueueName: queueName }
// Names with __ reach into host.json.
var schedulerSettings = scheduler
  ? {
      DURABLE_TASK_SCHEDULER_CONNECTION_STRING: schedulerConnection
      AzureFunctionsJobHost__extensions__durableTask__hubName: taskHubName
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
    }
  : {}
var mssqlSettings = mssql
  ? {
      SQLDB_Connection: mssqlConnection
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'mssql'
      AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'SQLDB_Connection'
    }
  : {}
// Flex refuses these. Without a share for its content, which would need a key, Premium runs a package by its URL.
var premiumSettings = isFlex
  ? {}
  : {
      FUNCTIONS_EXTENSION_VERSION: '~4'
      FUNCTIONS_WORKER_RUNTIME: 'python'
      WEBSITE_RUN_FROM_PACKAGE: '${packageContainerUrl}/acijobs.zip'
      WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId
    }
var allSettings = union(
  identitySettings,
  storageSettings,
  monitoringSettings,
  appSettings,
  scopeSettings,
  queueSettings,
  schedulerSettings,
  mssqlSettings,
  premiumSettings,
  settings
)

resource farm 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: isFlex ? 'functionapp' : 'elastic'
  sku: isFlex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: 'EP1', tier: 'ElasticPremium' }
  properties: isFlex ? { reserved: true } : { reserved: true, maximumElasticWorkerCount: min(maximumInstances, 20) }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: farm.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    vnetRouteAllEnabled: empty(subnetId) ? null : true
    functionAppConfig: isFlex
      ? {
          deployment: {
            storage: {
              type: 'blobContainer'
              value: packageContainerUrl
              authentication: {
                type: 'UserAssignedIdentity'
                userAssignedIdentityResourceId: identityId
              }
            }
          }
          runtime: { name: 'python', version: '3.13' }
          scaleAndConcurrency: {
            alwaysReady: alwaysReady > 0 ? [{ name: 'durable', instanceCount: alwaysReady }] : []
            instanceMemoryMB: instanceMemoryMb
            maximumInstanceCount: max(maximumInstances, 40)
            triggers: { http: { perInstanceConcurrency: requestsAtOnce[string(instanceMemoryMb)] } }
          }
        }
      : null
    siteConfig: {
      linuxFxVersion: isFlex ? null : 'Python|3.13'
      minimumElasticInstanceCount: isFlex ? null : 1
      healthCheckPath: isFlex ? null : '/api/health'
      functionsRuntimeScaleMonitoringEnabled: isFlex || empty(subnetId) ? null : true
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      remoteDebuggingEnabled: false
      appSettings: [for setting in items(allSettings): { name: setting.key, value: setting.value }]
    }
  }
}

// Packages are deployed with tokens; a user name and password would be another way in.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
