"""AWS's public list prices in USD, us-east-1 or the nearest region, each with its source."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Price:
    """``usd`` for each ``per`` units; ``free`` units a month cost nothing, in every account and for good."""

    usd: float
    per: float
    unit: str
    source: str
    free: float = 0

    def of(self, quantity: float) -> float:
        """USD for a quantity of which nothing is free."""
        return quantity * self.usd / self.per


_LAMBDA = "aws.amazon.com/lambda/pricing"
_S3 = "aws.amazon.com/s3/pricing"
_CLOUDFRONT = "aws.amazon.com/cloudfront/pricing"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_MILLION = 1_000_000.0

LAMBDA_X86: Final = Price(0.0000166667, 1, "GB-s", _LAMBDA, free=400_000)
LAMBDA_ARM: Final = Price(0.0000133334, 1, "GB-s", _LAMBDA, free=400_000)
LAMBDA_REQUESTS: Final = Price(0.20, _MILLION, "requests", _LAMBDA, free=_MILLION)
SNAPSTART_CACHE: Final = Price(0.0000015046, 1, "GB-s", _LAMBDA)
SNAPSTART_RESTORE: Final = Price(0.0001397998, 1, "GB", _LAMBDA)
HTTP_API: Final = Price(1.00, _MILLION, "requests", "aws.amazon.com/api-gateway/pricing")
S3_STORAGE: Final = Price(0.023, 1, "GB-month", _S3)
S3_READ: Final = Price(0.0004, 1000, "GETs", _S3)
S3_WRITE: Final = Price(0.005, 1000, "PUTs and LISTs", _S3)
SQS: Final = Price(0.40, _MILLION, "requests", "aws.amazon.com/sqs/pricing", free=_MILLION)
CLOUDFRONT_REQUESTS: Final = Price(0.0100, 10_000, "requests", _CLOUDFRONT, free=10 * _MILLION)
CLOUDFRONT_OUT: Final = Price(0.085, 1, "GB", _CLOUDFRONT, free=1024)
# Of bytes that viewers send on to an origin; in North America and Europe.
CLOUDFRONT_TO_ORIGIN: Final = Price(0.020, 1, "GB", _CLOUDFRONT)
LOGS: Final = Price(0.50, 1, "GB", _CLOUDWATCH, free=5)
METRICS: Final = Price(0.30, 1, "metrics", _CLOUDWATCH, free=10)
ALARMS: Final = Price(0.10, 1, "alarms", _CLOUDWATCH, free=10)
DASHBOARDS: Final = Price(3.00, 1, "dashboards", _CLOUDWATCH, free=3)
TRACES: Final = Price(5.00, _MILLION, "traces", "aws.amazon.com/xray/pricing", free=100_000)
# S3 Vectors. A query processes all vectors of its index: the first hundred thousand, those up to ten million, and the others, whose price
# fell in June 2026 "by up to 80 %"; the full reduction is assumed.
VECTORS_STORAGE: Final = Price(0.06, 1, "GB-month", _S3)
VECTORS_PUT: Final = Price(0.20, 1, "GB", _S3)
VECTORS_QUERIES: Final = Price(2.50, _MILLION, "requests", _S3)
VECTORS_PROCESSED: Final = (
    (100_000.0, Price(0.004, 1, "TB", _S3)),
    (10 * _MILLION, Price(0.002, 1, "TB", _S3)),
    (float("inf"), Price(0.0004, 1, "TB", _S3)),
)
"""Prices of vectors processed, each with the number of vectors up to which it holds."""
