# Latchkey on Amazon ECS. Not applied here: see README.md.

locals {
  settings = merge({
    NODE_ENV                        = "production"
    LATCHKEY_HOST                   = "0.0.0.0"
    LATCHKEY_OPS_HOST               = "0.0.0.0"
    LATCHKEY_PUBLIC_URL             = var.public_url
    LATCHKEY_SERVICE_NAME           = var.service_name
    LATCHKEY_MAIL_FROM              = var.mail_from
    LATCHKEY_TRUSTED_PROXIES        = join(",", var.balancer_cidrs)
    LATCHKEY_SHUTDOWN_DELAY_SECONDS = "15"
    LATCHKEY_DRAIN_SECONDS          = "25"
    AWS_REGION                      = var.region
    LATCHKEY_KEK                    = "aws-sm:${var.secret_prefix}/kek"
    DATABASE_URL                    = "aws-sm:${var.secret_prefix}/database-url"
    SMTP_URL                        = "aws-sm:${var.secret_prefix}/smtp-url"
  }, var.settings)

  # What the server and the migration share.
  container = {
    name                   = "latchkey"
    image                  = var.image
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    # The shutdown delay (15), the drain (25), and ten seconds to close.
    stopTimeout = 60
    linuxParameters = {
      capabilities = { drop = ["ALL"] }
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.latchkey.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "latchkey"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "latchkey" {
  name              = var.name
  retention_in_days = 90
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.secrets.json
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }
}

resource "aws_ecs_task_definition" "server" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 2048
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode([merge(local.container, {
    command     = ["serve"]
    environment = [for name, value in local.settings : { name = name, value = value }]
    portMappings = [
      { containerPort = 5625 },
      { containerPort = 5626 },
    ]
  })])
}

resource "aws_ecs_task_definition" "migration" {
  family                   = "${var.name}-migration"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode([merge(local.container, {
    command = ["migrate", "up"]
    environment = [
      for name, value in merge(local.settings, { DATABASE_ADMIN_URL = "aws-sm:${var.secret_prefix}/database-admin-url" }) :
      { name = name, value = value }
    ]
  })])
}

resource "aws_ecs_service" "latchkey" {
  name                               = var.name
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.server.arn
  launch_type                        = "FARGATE"
  desired_count                      = var.min_tasks
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = [aws_security_group.latchkey.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.latchkey.arn
    container_name   = "latchkey"
    container_port   = 5625
  }

  # The autoscaler owns the number of tasks.
  lifecycle {
    ignore_changes = [desired_count]
  }
}

resource "aws_appautoscaling_target" "latchkey" {
  service_namespace  = "ecs"
  resource_id        = "service/${element(split("/", var.cluster_arn), 1)}/${aws_ecs_service.latchkey.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.latchkey.service_namespace
  resource_id        = aws_appautoscaling_target.latchkey.resource_id
  scalable_dimension = aws_appautoscaling_target.latchkey.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = 70

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
