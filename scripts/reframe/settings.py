"""A ReFrame configuration with this machine, and the Slurm of scripts/slurm/loopback.sh (or any other) as partitions."""
ENVIRONMENT = {"name": "plain", "target_systems": ["*"]}

site_configuration = {
    "systems": [
        {
            "name": "here",
            "descr": "this machine, and its Slurm",
            "hostnames": [".*"],
            "partitions": [
                {"name": "local", "scheduler": "local", "launcher": "local", "environs": ["plain"], "max_jobs": 1},
                {"name": "slurm", "scheduler": "squeue", "launcher": "local", "environs": ["plain"], "max_jobs": 1},
            ],
        }
    ],
    "environments": [ENVIRONMENT],
    # What is measured does not depend on what else runs in ReFrame's own process.
    "general": [{"check_search_recursive": False}],
}
