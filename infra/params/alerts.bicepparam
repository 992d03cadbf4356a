// Alerts that somebody is told of, by e-mail and elsewhere, with thresholds of their own.
using '../main.bicep'

param environmentName = 'sample'
param location = 'westeurope'
param alertEmails = ['ops@example.com', 'on-call@example.com']
param alertWebhook = 'https://hooks.example.com/acijobs'
param runbooksUrl = 'https://git.example.com/acijobs/docs/runbooks'
param alertThresholds = {
  platformFailures: 50
  queueAgeMinutes: 240
  throttledPercent: 25
  readsRemaining: 20
  groupsBeyondJobs: 40
  hostErrors: 100
  callbackFailuresPercent: 90
  costPerDayUsd: 2500
}
