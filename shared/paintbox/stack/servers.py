"""PostgreSQL and Kafka as programs of the stack."""

from paintbox.stack import jars, java, kafka, postgres
from paintbox.stack.environments import KAFKA_PROXIED, PROXIES
from paintbox.stack.programs import Program
from paintbox.stack.stacks import Stack


def postgres_program(stack: Stack) -> Program:
    """The stack's PostgreSQL. Its data is made at the first start; what a crash left is cleared before each."""
    home, password = stack.postgres_home, stack.kept.secrets[postgres.SUPERUSER]
    data, port = home / "data", stack.kept.ports["postgres"]

    def prepare() -> str:
        installation = postgres.find_installation(stack.kept.postgres_programs, account=stack.account, copies=home)
        postgres.create(postgres.Cluster(installation, data, stack.account), password)
        postgres.clear_leftovers(data)
        return str(installation.programs / "postgres")

    async def missing() -> str | None:
        return await postgres.missing(port, password)

    return Program(
        name="postgres",
        arguments=postgres.arguments(data, port, **stack.kept.layout.postgres),
        environment={"LC_ALL": "C"},
        folder=home,
        prepare=prepare,
        missing=missing,
        account=stack.account,
    )


def _proxied(stack: Stack) -> kafka.Proxied | None:
    ports = stack.kept.ports
    return kafka.Proxied(ports[KAFKA_PROXIED], ports[PROXIES["kafka"][0]]) if stack.kept.layout.proxies else None


def kafka_program(stack: Stack) -> Program:
    """The stack's Kafka: one KRaft node, formatted at the first start."""
    ports, checkout = stack.kept.ports, stack.places.checkout
    broker = kafka.Broker(
        libraries=jars.libraries(checkout),
        templates=checkout / "deploy/kafka",
        folder=stack.places.kafka,
        port=ports["kafka"],
        controller_port=ports["kafka-controller"],
        proxied=_proxied(stack),
        options=() if stack.kept.layout.lasting else kafka.BRIEF,
    )

    def prepare() -> str:
        jars.require(checkout)
        executable = java.find_java()
        kafka.configure(broker, executable)
        return str(executable)

    async def missing() -> str | None:
        return await kafka.missing(broker)

    return Program(
        name="kafka",
        arguments=kafka.arguments(broker),
        environment=kafka.ENVIRONMENT,
        folder=broker.folder,
        prepare=prepare,
        missing=missing,
    )
