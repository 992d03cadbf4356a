// The app settings that an operator may choose, by the names of docs/reference/settings.md. All of them are optional.
@export()
@description('Settings of the app. A name that the app does not know is an error.')
@sealed()
type JobSettings = {
  // rules on jobs
  AllowedImages: string?
  AllowedRegistries: string?
  AllowedLocations: string?
  AllowedSubnets: string?
  AllowedIdentities: string?
  @description('Default: the jobs\' own vault where there is one, else none. Never name the app\'s vault: jobs could read the seal keys.')
  AllowedKeyVaults: string?
  AllowedCallbackHosts: string?
  MaxCpu: string?
  MaxMemoryGb: string?
  MaxRunSeconds: string?
  MaxAttempts: string?
  MaxJobCostUsd: string?
  RequireCostLimit: string?
  // prices
  PriceVcpuHourUsd: string?
  PriceGbHourUsd: string?
  PriceWindowsVcpuHourUsd: string?
  PriceSpotFactor: string?
  // the default job
  DefaultImage: string?
  DefaultCommand: string?
  // the app
  AppName: string?
  PublicUrl: string?
  EventUrl: string?
  ExposeManagementUrls: string?
  CapabilityDays: string?
  SecretSettingPrefix: string?
  @description('A Key Vault reference: @Microsoft.KeyVault(SecretUri=…).')
  CallbackSecret: string?
  CallbackTrustedHosts: string?
  PollMinSeconds: string?
  PollMaxSeconds: string?
  RetentionDays: string?
  LogLevel: string?
  @description('off, or otlp, or applicationinsights (the default), or the last two with a comma between them.')
  Telemetry: string?
  OTEL_EXPORTER_OTLP_ENDPOINT: string?
  @description('May hold a key: best a Key Vault reference.')
  OTEL_EXPORTER_OTLP_HEADERS: string?
  OTEL_EXPORTER_OTLP_PROTOCOL: string?
  OTEL_RESOURCE_ATTRIBUTES: string?
  OTEL_TRACES_SAMPLER: string?
  OTEL_TRACES_SAMPLER_ARG: string?
  JobStoreUrl: string?
  LogArchiveUrl: string?
  // the host
  'AzureWebJobs.QueueStart.Disabled': string?
}
