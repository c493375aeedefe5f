"""SOAP stacks that are not ours, each on loopback: PHP's SoapServer, JAX-WS with WSS4J, node-soap."""
