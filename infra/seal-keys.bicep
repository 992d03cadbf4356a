// The seal keys, written once. A second deployment must not replace them: what they sealed could not be opened any more.
param vaultName string
@secure()
param sealKey string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

@onlyIfNotExists()
resource sealKeys 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'SealKeys'
  properties: {
    value: sealKey
    contentType: 'Fernet keys, the newest first, with commas between them'
  }
}

// Without a version: after a rotation the platform takes the new one within a day, or at a restart.
output uri string = '${vault.properties.vaultUri}secrets/SealKeys'
