"""What leaves Holdfast for people and other programs: mails and webhooks. What is sent when, `operations` says."""
