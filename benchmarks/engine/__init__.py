"""What jobs cost on Microsoft's Durable engine, and how late their ends are seen there."""
