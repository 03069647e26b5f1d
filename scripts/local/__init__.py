"""The local stack: template.yaml, run on this machine.

- intrinsics: Ref, GetAtt, Sub, If and the like, with local names
- translation: template.yaml to plain CloudFormation
- template, distribution: what runs and what leads where, read into plain values
- http_server: the HTTP server under the local S3 and SQS and under the gateway
- aws_server, sqs: S3 and SQS by moto, a process of its own, with a queue that stays fast when it is long
- resources: the template's buckets, queues and notifications, made there
- lifeline, channel: processes that do not outlive the supervisor, and messages to them
- worker, runner: one Lambda function in a process of its own, and what calls, ends and replaces it
- built, isolated: what `make build` left, run as Lambda runs it, in place of worker and runner
- execution_environment, runtime_api: one process of such a function with its limits, and what it asks of Lambda
- bootstrap, lambda_folders: how that process begins, and what it finds as /opt, /var/runtime and environment
- poller, schedule: from a queue to a function, and from a clock to one
- api_event, gateway: HTTP requests as functions get them, and the distribution in front
- stack: all of it together, as a context manager
- seeding, progress: the first catalogue, uploaded and waited for until it is searchable
"""
