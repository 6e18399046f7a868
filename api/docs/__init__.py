"""The API description: the OpenAPI document, and the page that shows it."""
