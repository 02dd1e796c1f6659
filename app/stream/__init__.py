"""What Faust is for Faultline: one App a role, micro-batches over both logs (FAUST.md, "Recommended shape")."""
