// Durable Task Scheduler in place of queues and tables.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param scheduler = true
