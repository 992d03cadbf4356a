// What azd deploys; each value is one of its environment: `azd env set ACIJOBS_NETWORK true`.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'acijobs')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param jobLocation = readEnvironmentVariable(
  'ACIJOBS_JOB_LOCATION',
  readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
)
param plan = readEnvironmentVariable('ACIJOBS_PLAN', 'Flex')
param alwaysReady = int(readEnvironmentVariable('ACIJOBS_ALWAYS_READY', '1'))
param maximumInstances = int(readEnvironmentVariable('ACIJOBS_MAXIMUM_INSTANCES', '100'))
param instanceMemoryMb = any(int(readEnvironmentVariable('ACIJOBS_INSTANCE_MEMORY_MB', '2048')))
param network = bool(readEnvironmentVariable('ACIJOBS_NETWORK', 'false'))
param registry = bool(readEnvironmentVariable('ACIJOBS_REGISTRY', 'false'))
param jobVault = bool(readEnvironmentVariable('ACIJOBS_JOB_VAULT', 'false'))
param scheduler = bool(readEnvironmentVariable('ACIJOBS_SCHEDULER', 'false'))
param quotaReads = bool(readEnvironmentVariable('ACIJOBS_QUOTA_READS', 'false'))
param jobIdentityIds = json(readEnvironmentVariable('ACIJOBS_JOB_IDENTITY_IDS', '[]'))
param jobSubnetIds = json(readEnvironmentVariable('ACIJOBS_JOB_SUBNET_IDS', '[]'))
param queueName = readEnvironmentVariable('ACIJOBS_QUEUE_NAME', 'acijobs-jobs')
param settings = json(readEnvironmentVariable('ACIJOBS_SETTINGS', '{}'))
param deployerPrincipalId = readEnvironmentVariable('ACIJOBS_DEPLOYER_PRINCIPAL_ID', '')
param logRetentionDays = int(readEnvironmentVariable('ACIJOBS_LOG_RETENTION_DAYS', '30'))
