// Private endpoints, a subnet for jobs, a NAT gateway.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param network = true
