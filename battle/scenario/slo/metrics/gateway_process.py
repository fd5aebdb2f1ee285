"""What the gateway's own end cost its clients."""

from battle.scenario.slo.metric import Metric

MAX_DROPPED_IN_FLIGHT = Metric(
    place=85,
    name="max_dropped_in_flight",
    count=True,
    nothing="the gateway's process did not end before the run",
    sql="""
        SELECT
            sum(dropped)::BIGINT AS value,
            'of ' || sum(in_flight) || ' in flight when its process ended, ' || count(*)
                || if(count(*) = 1, ' time', ' times') AS note
        FROM gateway_ends
    """,
)
