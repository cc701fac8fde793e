variable "name" {
  description = "Name of the service and prefix of everything that belongs to it."
  type        = string
  default     = "latchkey"
}

variable "image" {
  description = "The image by its digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (@sha256:…), so that a restart runs what was tested."
  }
}

variable "public_url" {
  description = "The origin at which users reach the server, such as https://auth.example.com."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+$", var.public_url))
    error_message = "An https origin without a path."
  }
}

variable "service_name" {
  description = "Name of the service, as people know it."
  type        = string
}

variable "mail_from" {
  description = "Sender of all emails."
  type        = string
}

variable "region" {
  description = "Region of the secrets."
  type        = string
}

variable "secret_prefix" {
  description = "The secrets are <prefix>/kek, <prefix>/database-url, <prefix>/smtp-url and <prefix>/database-admin-url."
  type        = string
}

variable "secret_arns" {
  description = "ARNs of these secrets, which the tasks may read."
  type        = list(string)
}

variable "cluster_arn" {
  description = "The ECS cluster."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of at least two availability zones, with a way to the internet."
  type        = list(string)
}

variable "listener_arn" {
  description = "Listener for https of an application load balancer."
  type        = string
}

variable "balancer_group_id" {
  description = "Security group of that load balancer, which alone reaches the tasks."
  type        = string
}

variable "balancer_cidrs" {
  description = "Subnets of that load balancer, whose X-Forwarded-For is trusted."
  type        = list(string)
}

variable "monitoring_group_id" {
  description = "Security group of Prometheus, which reaches the operator's listener; empty for none."
  type        = string
  default     = ""
}

variable "min_tasks" {
  description = "Tasks that always run."
  type        = number
  default     = 2
}

variable "max_tasks" {
  description = "Tasks at most. Each holds up to 21 connections to PostgreSQL, and twice as many tasks run during a release."
  type        = number
  default     = 6
}

variable "settings" {
  description = "Further settings; docs/reference/configuration.md has all. A secret is a reference."
  type        = map(string)
  default     = {}
}
