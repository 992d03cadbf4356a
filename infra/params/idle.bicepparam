// Flex with nothing kept warm, and no queue.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param alwaysReady = 0
param queueName = ''
