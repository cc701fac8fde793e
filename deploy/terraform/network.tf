# The way from the load balancer to the tasks.

resource "aws_security_group" "latchkey" {
  name        = var.name
  description = "Tasks of ${var.name}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  security_group_id            = aws_security_group.latchkey.id
  description                  = "Requests of users"
  referenced_security_group_id = var.balancer_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5625
  to_port                      = 5625
}

resource "aws_vpc_security_group_ingress_rule" "health" {
  security_group_id            = aws_security_group.latchkey.id
  description                  = "Health checks of the load balancer, which forwards no request to this port"
  referenced_security_group_id = var.balancer_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5626
  to_port                      = 5626
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  count                        = var.monitoring_group_id == "" ? 0 : 1
  security_group_id            = aws_security_group.latchkey.id
  description                  = "Prometheus"
  referenced_security_group_id = var.monitoring_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5626
  to_port                      = 5626
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.latchkey.id
  description       = "PostgreSQL, Redis, mail, secrets and identity providers"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_lb_target_group" "latchkey" {
  name        = var.name
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = 5625
  # Longer than the drain.
  deregistration_delay = 30

  health_check {
    path                = "/readyz"
    port                = "5626"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener_rule" "latchkey" {
  listener_arn = var.listener_arn

  condition {
    host_header {
      values = [trimprefix(var.public_url, "https://")]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.latchkey.arn
  }
}
