// The workbook: how the app does, on one page. Its queries are in queries/workbook.
param environmentName string
param location string
param tags object
param workspaceName string

var tiles = [
  { title: 'Jobs ended', chart: 'barchart', query: loadTextContent('queries/workbook/jobs-ended.kql') }
  { title: 'Jobs that did not succeed', chart: 'table', query: loadTextContent('queries/workbook/jobs-failed.kql') }
  { title: 'Jobs accepted', chart: 'barchart', query: loadTextContent('queries/workbook/jobs-accepted.kql') }
  { title: 'Jobs at once', chart: 'linechart', query: loadTextContent('queries/workbook/jobs-active.kql') }
  {
    title: 'Age of the oldest pending job, minutes'
    chart: 'linechart'
    query: loadTextContent('queries/workbook/queue-age.kql')
  }
  {
    title: 'Waiting, running, detection: percentiles of the means of minutes, seconds'
    chart: 'table'
    query: loadTextContent('queries/workbook/durations.kql')
  }
  {
    title: 'Waiting for a container, seconds'
    chart: 'linechart'
    query: loadTextContent('queries/workbook/waiting.kql')
  }
  {
    title: 'Detection of an end, seconds'
    chart: 'linechart'
    query: loadTextContent('queries/workbook/detection.kql')
  }
  { title: 'Attempts', chart: 'table', query: loadTextContent('queries/workbook/attempts.kql') }
  { title: 'Container groups', chart: 'linechart', query: loadTextContent('queries/workbook/groups.kql') }
  {
    title: 'What the Reconciler did'
    chart: 'barchart'
    query: loadTextContent('queries/workbook/reconciler-acts.kql')
  }
  {
    title: 'Rounds of the Reconciler, and their seconds'
    chart: 'linechart'
    query: loadTextContent('queries/workbook/reconciler-rounds.kql')
  }
  {
    title: 'Requests to Azure, milliseconds'
    chart: 'table'
    query: loadTextContent('queries/workbook/arm-requests.kql')
  }
  {
    title: 'Throttled requests, and reads left'
    chart: 'linechart'
    query: loadTextContent('queries/workbook/arm-limits.kql')
  }
  { title: 'Cost of a day\'s jobs, US dollars', chart: 'barchart', query: loadTextContent('queries/workbook/cost.kql') }
  { title: 'Log lines that may be lost', chart: 'barchart', query: loadTextContent('queries/workbook/log-gaps.kql') }
  { title: 'Callbacks', chart: 'barchart', query: loadTextContent('queries/workbook/callbacks.kql') }
  { title: 'Warnings and errors', chart: 'table', query: loadTextContent('queries/workbook/troubles.kql') }
]

var timeRange = {
  type: 9
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    parameters: [
      {
        id: guid('acijobs workbook', 'TimeRange')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: 86400000 }
        typeSettings: {
          selectableValues: [
            { durationMs: 3600000 }
            { durationMs: 14400000 }
            { durationMs: 86400000 }
            { durationMs: 604800000 }
            { durationMs: 2592000000 }
          ]
        }
      }
    ]
  }
  name: 'time range'
}

var queries = [
  for tile in tiles: {
    type: 3
    content: {
      version: 'KqlItem/1.0'
      title: tile.title
      query: tile.query
      size: 0
      timeContextFromParameter: 'TimeRange'
      queryType: 0
      resourceType: 'microsoft.operationalinsights/workspaces'
      crossComponentResources: [workspace.id]
      visualization: tile.chart
    }
    customWidth: '50'
    name: tile.title
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'acijobs workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'acijobs ${environmentName}'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: workspace.id
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], queries)
      fallbackResourceIds: [workspace.id]
    })
  }
}
