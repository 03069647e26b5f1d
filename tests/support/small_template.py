"""A small stack: a photo bucket that feeds a function through a queue, a function behind an API, one on a schedule.

Its functions are written by the test that uses it; its wiring has the same kinds of things as the real template.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Window: {Type: Number, Default: 1}
  Mode: {Type: String, Default: plain, AllowedValues: [plain, fancy]}
Conditions:
  Fancy: !Equals [!Ref Mode, fancy]
Resources:
  Photos:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Events.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: images/}]}}
  Site: {Type: AWS::S3::Bucket}
  Events:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 5
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 2}
  Lost: {Type: AWS::SQS::Queue}
  Eater:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: eater/
      Timeout: 20
      MemorySize: 256
      Environment:
        Variables:
          BUCKET: !Ref Photos
          TABLE: !Sub "${AWS::StackName}-${Photos}-${!Literal}"
          FANCY: !If [Fancy, !Join ["-", [very, !Ref Mode]], !Ref "AWS::NoValue"]
          THREADS: "1"
      Events:
        Images:
          Type: SQS
          Properties:
            Queue: !GetAtt Events.Arn
            BatchSize: 20
            MaximumBatchingWindowInSeconds: !Ref Window
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 2}
  Teller:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: teller/
      Timeout: 2
      AutoPublishAlias: live
      Events:
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/api/{name}"}}
        Pair: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: "/api/{first}/{second}"}}
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/api/one/{name}"}}
  Ticker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: ticker/
      ReservedConcurrentExecutions: 1
      Events:
        Timer: {Type: Schedule, Properties: {Schedule: rate(1 second)}}
  Api: {Type: AWS::Serverless::HttpApi}
  Rare:
    Type: AWS::DynamoDB::Table
    Condition: Fancy
  Headers:
    Type: AWS::CloudFront::ResponseHeadersPolicy
    Properties:
      ResponseHeadersPolicyConfig:
        SecurityHeadersConfig:
          ContentSecurityPolicy: {ContentSecurityPolicy: "default-src 'self'", Override: true}
          StrictTransportSecurity: {AccessControlMaxAgeSec: 1, Override: true}
          ContentTypeOptions: {Override: true}
  Caching:
    Type: AWS::CloudFront::CachePolicy
    Properties: {CachePolicyConfig: {DefaultTTL: 60}}
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        DefaultRootObject: index.html
        Origins:
          - {Id: site, DomainName: !GetAtt Site.RegionalDomainName}
          - {Id: photos, DomainName: !GetAtt Photos.RegionalDomainName}
          - Id: api
            DomainName: !Sub "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
            OriginCustomHeaders: [{HeaderName: X-Came-Through, HeaderValue: "1"}]
        DefaultCacheBehavior:
          {TargetOriginId: site, CachePolicyId: !Ref Caching, ResponseHeadersPolicyId: !Ref Headers}
        CacheBehaviors:
          - {PathPattern: /images/*, TargetOriginId: photos, CachePolicyId: !Ref Caching}
          - {PathPattern: "/api/*", TargetOriginId: api, AllowedMethods: [GET, HEAD, POST]}
Outputs:
  SiteBucketName: {Value: !Ref Site}
  CatalogueBucketName: {Value: !Ref Photos}
"""

NOTHING = "def handler(event, context):\n    return None\n"


def write_small_stack(folder: Path, *, functions: Mapping[str, str] | None = None, template: str = TEMPLATE) -> Path:
    """Write the template, its functions' handlers and a page into ``folder``; returns the template's path.

    ``functions`` holds the source of handlers by folder (eater, teller, ticker); the others do nothing.
    """
    for name in ("eater", "teller", "ticker"):
        (folder / name).mkdir()
        source = (functions or {}).get(name, NOTHING)
        (folder / name / "app.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("<!doctype html><title>Small</title>", encoding="utf-8")
    path = folder / "template.yaml"
    path.write_text(template, encoding="utf-8")
    return path
