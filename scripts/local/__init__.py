"""The local stack: template.yaml, run on this machine.

- intrinsics: Ref, GetAtt, Sub, If and the like, with local names
- translation: from template.yaml to plain CloudFormation
- template, http_api, distribution: resources and their wiring as plain values
- cors: which pages of other origins may read answers
- http_server: the HTTP server of the local S3 and SQS, of the gateway and of the Runtime API
- aws_server, sqs: S3 and SQS by moto, in a process of their own, with a queue that stays fast when it is long
- aws_session, resources, s3: that process, clients of it, and the template's buckets, queues and notifications in it
- calls: how a call of a function ends, and Lambda's limits
- lifeline: processes that end with the supervisor
- runtime_api, execution_environment: Lambda's Runtime API, and one function's process that takes events from it
- runner, alias: calls one function, replaces its process, and switches to its next version
- environment, sources, worker: how a function starts from its sources, and the client of the Runtime API that calls it
- isolated, built, lambda_folders, bootstrap: how a built function starts as on Lambda, with AWS's own client
- poller, schedule: from a queue to a function, and from a clock to one
- api_event, gateway: HTTP requests as events of functions, and the distribution in front
- stack: all of it together, as a context manager
- seeding: uploads the first catalogue and waits until it is searchable
"""
