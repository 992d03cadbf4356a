// A registry, and an identity that jobs pull with.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param registry = true
