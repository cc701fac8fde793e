alter table jobs drop column traceparent;
