//! devops-agent.
