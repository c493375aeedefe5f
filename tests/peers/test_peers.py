"""The peers themselves: they start, and give back what was put into them."""

from __future__ import annotations


def test_each_database_of_the_server_is_new_and_empty(postgres):
    import psycopg

    one, two = postgres.database(), postgres.database()
    with psycopg.connect(one) as connection:
        connection.execute("CREATE TABLE seen (x int)")
    with psycopg.connect(two) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'seen'").fetchone() == (0,)


def test_a_queue_of_the_sessions_broker_gives_back_what_was_put(rabbitmq):
    with rabbitmq.channel() as channel:
        channel.queue_declare("peers-smoke", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        for number in range(1200):
            channel.basic_publish("", "peers-smoke", str(number).encode())
    assert [body for _, body in rabbitmq.drain("peers-smoke")] == [str(number).encode() for number in range(1200)]


def test_mariadb_takes_what_it_is_told_by_its_own_client(mariadb):
    name = mariadb.database()
    said = f"USE {name}; CREATE TABLE seen (x int); INSERT INTO seen VALUES (41); SELECT x + 1 FROM seen"
    assert mariadb.run(said).strip() == "42"
