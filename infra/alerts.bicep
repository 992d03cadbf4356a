// What wakes an operator: queries on the workspace, and whom they tell. Each rule has a page in docs/runbooks.
param environmentName string
param location string
param tags object
param workspaceName string
@description('Where the runbooks are; each rule names its page.')
param runbooksUrl string
@description('Who is told by e-mail.')
param emails string[]
@description('Where a POST tells it, too; empty for nowhere. Such URLs often hold a key.')
@secure()
param webhookUrl string
param thresholds AlertThresholds

@export()
@description('When alerts are fired. The defaults, and their reasons, are in docs/runbooks/README.md.')
@sealed()
type AlertThresholds = {
  @minValue(0)
  platformFailures: int?
  @minValue(1)
  queueAgeMinutes: int?
  @minValue(1)
  @maxValue(100)
  throttledPercent: int?
  @minValue(1)
  readsRemaining: int?
  @minValue(1)
  groupsBeyondJobs: int?
  @minValue(0)
  hostErrors: int?
  @minValue(1)
  @maxValue(100)
  callbackFailuresPercent: int?
  @description('0 for no such rule.')
  @minValue(0)
  costPerDayUsd: int?
}

var costPerDayUsd = thresholds.?costPerDayUsd ?? 100

// A row may arrive some minutes after its time. So each window is longer than the pause between two looks at it.
var quarterly = { every: 'PT15M', window: 'PT30M' }
var rules = concat(
  [
    {
      name: 'no-heartbeat'
      title: 'the Reconciler has not run for ten minutes'
      severity: 0
      query: loadTextContent('queries/alerts/no-heartbeat.kql')
      every: 'PT5M'
      window: 'PT10M'
      operator: 'LessThan'
      threshold: 1
    }
    {
      name: 'rounds-failing'
      title: 'the Reconciler cannot do its work'
      severity: 1
      query: loadTextContent('queries/alerts/rounds-failing.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 50
    }
    {
      name: 'unattended'
      title: 'jobs were given up, cannot be read, or lost their task hub'
      severity: 1
      query: loadTextContent('queries/alerts/unattended.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'operator-failures'
      title: 'jobs failed because of settings, rights or quotas'
      severity: 1
      query: loadTextContent('queries/alerts/operator-failures.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'app-failures'
      title: 'jobs failed because of the app'
      severity: 1
      query: loadTextContent('queries/alerts/app-failures.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'platform-failures'
      title: 'jobs failed because of Azure'
      severity: 2
      query: loadTextContent('queries/alerts/platform-failures.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: thresholds.?platformFailures ?? 5
    }
    {
      name: 'orphans'
      title: 'container groups without a job were deleted'
      severity: 2
      query: loadTextContent('queries/alerts/orphans.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'groups-beyond-jobs'
      title: 'there are more container groups than jobs'
      severity: 2
      query: loadTextContent('queries/alerts/groups-beyond-jobs.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: thresholds.?groupsBeyondJobs ?? 10
    }
    {
      name: 'clean-up-failed'
      title: 'a container group may have been left behind'
      severity: 2
      query: loadTextContent('queries/alerts/clean-up-failed.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'queue-age'
      title: 'a job has been waiting long for its container'
      severity: 2
      query: loadTextContent('queries/alerts/queue-age.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: thresholds.?queueAgeMinutes ?? 30
    }
    {
      name: 'slow-engine'
      title: 'the durable engine is slow'
      severity: 2
      query: loadTextContent('queries/alerts/slow-engine.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 50
    }
    {
      name: 'throttling'
      title: 'Azure Resource Manager throttles the app'
      severity: 2
      query: loadTextContent('queries/alerts/throttling.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: thresholds.?throttledPercent ?? 10
    }
    {
      name: 'reads-low'
      title: 'few reads of Azure Resource Manager are left'
      severity: 3
      query: loadTextContent('queries/alerts/reads-low.kql')
      ...quarterly
      operator: 'LessThan'
      threshold: thresholds.?readsRemaining ?? 50
    }
    {
      name: 'host-errors'
      title: 'invocations of functions fail'
      severity: 2
      query: loadTextContent('queries/alerts/host-errors.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: thresholds.?hostErrors ?? 10
    }
    {
      name: 'poison-queue'
      title: 'messages of the queue asked for no job that could be started'
      severity: 3
      query: loadTextContent('queries/alerts/poison-queue.kql')
      ...quarterly
      operator: 'GreaterThan'
      threshold: 0
    }
    {
      name: 'callbacks-failing'
      title: 'callbacks are not taken'
      severity: 3
      query: loadTextContent('queries/alerts/callbacks-failing.kql')
      every: 'PT15M'
      window: 'PT1H'
      operator: 'GreaterThan'
      threshold: thresholds.?callbackFailuresPercent ?? 50
    }
  ],
  costPerDayUsd == 0
    ? []
    : [
        {
          name: 'cost'
          title: 'the jobs of a day cost more than was expected'
          severity: 2
          query: loadTextContent('queries/alerts/cost.kql')
          every: 'PT1H'
          window: 'P1D'
          operator: 'GreaterThan'
          threshold: costPerDayUsd
        }
      ]
)

var logAnalyticsReader = '73c42c96-874c-492b-b04d-ab87d138a893'

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

// Without one, a rule queries with the rights that its last editor had when editing it.
resource reader 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${environmentName}-alerts-${uniqueString(workspace.id)}'
  location: location
  tags: tags
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, reader.id, logAnalyticsReader)
  properties: {
    principalId: reader.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', logAnalyticsReader)
  }
}

resource told 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${environmentName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'acijobs'
    emailReceivers: [for email in emails: { name: email, emailAddress: email, useCommonAlertSchema: true }]
    webhookReceivers: empty(webhookUrl) ? [] : [{ name: 'webhook', serviceUri: webhookUrl, useCommonAlertSchema: true }]
  }
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${environmentName}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    identity: { type: 'UserAssigned', userAssignedIdentities: { '${reader.id}': {} } }
    properties: {
      displayName: 'acijobs ${environmentName}: ${rule.title}'
      description: 'What to do: ${runbooksUrl}/${rule.name}.md'
      enabled: true
      severity: rule.severity
      scopes: [workspace.id]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      // Azure would check a query against tables that a new workspace does not have yet.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'Value'
            timeAggregation: 'Total'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: {
        actionGroups: [told.id]
        customProperties: { runbook: '${runbooksUrl}/${rule.name}.md' }
      }
    }
    dependsOn: [mayRead]
  }
]
