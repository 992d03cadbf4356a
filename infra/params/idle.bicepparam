// Flex with nothing that costs while nothing runs: nothing kept warm, no queue, no alerts.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param alwaysReady = 0
param queueName = ''
param alerts = false
