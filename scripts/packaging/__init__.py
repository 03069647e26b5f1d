"""Building the Lambda layers and weighing the packages."""
