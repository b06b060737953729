"""The pages, one module per place. Importing a module adds its routes to the blueprint."""
