"""Airflow: a nightly job. The last line of standard output is the summary, which becomes the XCom of the task.

A task that ends with exit code 75 is retried, and the same command resumes. Any other code but 0 needs a person:
the task fails at once.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.exceptions import AirflowException, AirflowFailException

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

COMMAND = """
cd "${PROMPTMILL_HOME:-/var/lib/promptmill}"
exec promptmill run "${PROMPTMILL_JOB:-/etc/promptmill/nightly.toml}" --json --quiet --date {{ ds }}
"""


class Promptmill(BashOperator):
    """Runs the command; of its exit codes only 75 is worth a retry."""

    def execute(self, context):
        try:
            return super().execute(context)
        except AirflowException as error:
            if "exit code 75" in str(error):
                raise
            raise AirflowFailException(str(error)) from error


with DAG(
    dag_id="promptmill_nightly",
    start_date=datetime(2026, 1, 1),
    schedule="0 22 * * *",
    catchup=False,
    max_active_runs=1,
) as dag:
    Promptmill(
        task_id="label",
        bash_command=COMMAND,
        append_env=True,
        do_xcom_push=True,
        retries=5,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=8, minutes=30),
    )
