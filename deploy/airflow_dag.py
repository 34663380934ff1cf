"""Airflow: a nightly job. The last line of standard output is the summary, which becomes the XCom of the task.

Every exit code but 0 fails the task. A retry is safe whatever the code was: the same command resumes, and what
is wrong with the job is rejected again before anything is paid for.
"""

from datetime import datetime, timedelta

from airflow import DAG

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

COMMAND = """
cd "${PROMPTMILL_HOME:-/var/lib/promptmill}"
exec promptmill run "${PROMPTMILL_JOB:-/etc/promptmill/nightly.toml}" --json --quiet --date {{ ds }}
"""

with DAG(
    dag_id="promptmill_nightly",
    start_date=datetime(2026, 1, 1),
    schedule="0 22 * * *",
    catchup=False,
    max_active_runs=1,
) as dag:
    BashOperator(
        task_id="label",
        bash_command=COMMAND,
        append_env=True,
        do_xcom_push=True,
        retries=5,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=8, minutes=30),
    )
