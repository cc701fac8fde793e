output "migration_task" {
  description = "The task definition that migrates the schema."
  value       = aws_ecs_task_definition.migration.arn
}

output "security_group" {
  description = "Security group of the tasks, to admit them to PostgreSQL and Redis."
  value       = aws_security_group.latchkey.id
}
