# What keybroker's broker chooses not to do (docs/decisions/0004-what-the-agent-refuses.md).
remove-all-forwarded: a host that the agent is forwarded to could take the person's keys away; [agent] forwarded_changes = true allows it
