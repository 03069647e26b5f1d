"""Change sets that nobody has executed. `sam deploy` ends with 0 where its user declines the one that it made."""

from botocore.exceptions import ClientError

from scripts.deployment.deployed import Target


def unexecuted(target: Target) -> frozenset[str]:
    """The ids of the stack's change sets that could be executed now; none for a stack that does not exist.

    An empty change set is not among them: CloudFormation fails it. Raises ClientError where AWS does not answer.
    """
    pages = target.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=target.stack_name)
    try:
        summaries = [summary for page in pages for summary in page["Summaries"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return frozenset()
        raise
    return frozenset(item["ChangeSetId"] for item in summaries if item["ExecutionStatus"] == "AVAILABLE")
