"""The query function: API Gateway's HTTP requests in, answers or problem details out."""

import os
import warnings
from functools import cache
from typing import Any

import lifecycle
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from http_api import Response, answer, problem_response, without_body
from problems import problem_of
from routes import ROUTES

from lookalike.errors import LookalikeError
from lookalike.store.damage import DAMAGED_READS

logger = Logger(service="query")
copy_config_to_registered_loggers(logger, include={"lookalike"})  # the package's warnings as JSON too
metrics = Metrics(service="query")  # the namespace is in the environment
warnings.filterwarnings("ignore", "No application metrics to publish")  # most requests have none, and that is fine


@cache
def _services() -> lifecycle.Services:
    return lifecycle.Services(logger, metrics)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Response:  # noqa: ARG001 - Lambda's signature
    """Answer one request. A fault of the request, or of the store, is answered as a problem; a fault of ours is raised."""
    response = _response(event)
    return without_body(response) if event["requestContext"]["http"]["method"] == "HEAD" else response


def _response(event: dict[str, Any]) -> Response:
    try:
        services = _services()
        return answer(event, ROUTES, services, origin_secrets=services.origin_secrets)
    except LookalikeError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        metrics.add_metric(name=f"Problem-{problem.slug}", unit=MetricUnit.Count, value=1)
        log = logger.error if problem.status >= 500 else logger.info
        log("problem", slug=problem.slug, detail=str(error))
        return problem_response(problem, error)
    finally:
        if damaged := DAMAGED_READS.take():
            metrics.add_metric(name="DamagedReads", unit=MetricUnit.Count, value=damaged)


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    lifecycle.start(_services(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])
