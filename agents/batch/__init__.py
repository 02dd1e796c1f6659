"""The pure part of the agents: functions of a batch's records, without Faust, stores or a clock."""
