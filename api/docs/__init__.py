"""The API description: the OpenAPI document, and a page that displays it."""
