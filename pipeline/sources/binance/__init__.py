"""What Binance publishes: klines, funding, metrics, as archives or as the API answers."""
