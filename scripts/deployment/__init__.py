"""Deployments to AWS: the stack, its parameters, the site, prices."""
