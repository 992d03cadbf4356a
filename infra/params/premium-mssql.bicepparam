// Durable's state in a SQL database that is there already; Flex does not run that backend.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param plan = 'Premium'
param mssqlServer = 'sql.example.com'
